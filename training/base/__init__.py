"""Learning a base: a network that has read many people's conversations, for a voice to start from."""
