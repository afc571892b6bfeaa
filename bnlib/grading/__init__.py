"""Grade a class from outside: the judge in one process, each submission in a worker of its own."""
