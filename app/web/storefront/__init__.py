"""The shop that a buyer's person sees, most often in a frame of the buyer's own pages."""
