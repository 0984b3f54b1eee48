"""From a mention to a reply: permissions, context, sampling, sanitizing."""
