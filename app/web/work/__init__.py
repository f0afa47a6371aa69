"""The page of queues, workers and lanes, and what holds a lane back."""
