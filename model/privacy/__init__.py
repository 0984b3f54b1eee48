"""Private details in text: find them, and say something harmless in their place. Knows no store and no network."""
