"""The page, OpenAI's API and metrics over HTTP."""
