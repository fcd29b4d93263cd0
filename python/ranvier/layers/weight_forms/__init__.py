"""The forms a weight can be stored in, and how a layer computes with them."""
