"""Facts of customers as of a day, and the stage that follows from them."""
