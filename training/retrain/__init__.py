"""Retraining: a candidate on new posts, compared with the incumbent, published or not."""
