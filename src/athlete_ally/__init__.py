"""Athlete Ally: takes wearable data in and never loses it."""
