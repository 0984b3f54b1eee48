"""What people read, measured by hand: a run takes minutes and a checkpoint of one's own."""
