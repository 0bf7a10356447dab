"""What `make run` and the tests start on one machine: PostgreSQL, a broker, and the platform's own processes. Plain Python."""
