"""The page and its API: replies, the model's card, the quiz, live events."""
