"""The log: records get places, checkpoints and signatures of the log's keys."""
