"""What a running `dann serve` does besides replying: reloads, owners' orders, the inbox, collecting, its status."""
