"""What follows from stages: early warnings, playbooks, loss causes and value phases."""
