"""Operating the pipeline: desired against real, creating what is missing, and a doctor's round."""
