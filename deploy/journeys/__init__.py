"""The two journeys of the product, step by step, through public interfaces only."""
