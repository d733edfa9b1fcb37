"""What `athlete-ally doctor` checks: findings and remedies."""
