"""Parts of `dann serve` besides replying: reloads, admin commands, inbox, collecting."""
