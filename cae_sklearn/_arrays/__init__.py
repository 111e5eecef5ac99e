"""Numbers only: threads, linear algebra, and arrays larger than memory."""
