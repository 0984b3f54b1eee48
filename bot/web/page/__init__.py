"""The page and what answers it: replies, the model's card, the quiz, live events."""
