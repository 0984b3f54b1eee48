"""The text of a reply as it grows: whole characters, what it must not recite, which of its words nobody knows."""
