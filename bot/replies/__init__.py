"""From a mention to a reply: permissions, context, drawing, what may be shown. Knows no platform."""
