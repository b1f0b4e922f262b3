"""Procedural street scenes with exact labels in the classes of CamVid."""
