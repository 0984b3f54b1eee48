"""Retraining: a candidate trained on new posts, compared with the incumbent, published or refused."""
