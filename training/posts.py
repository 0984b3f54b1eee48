"""What a post is. (The store that holds them follows in this file.)"""
