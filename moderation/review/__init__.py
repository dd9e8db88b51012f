"""What people decide: claiming a task, deciding it, and everything that follows from a verdict."""
