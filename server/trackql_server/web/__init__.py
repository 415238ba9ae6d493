"""What the server answers besides GraphQL: the dashboard, its health, and who may ask."""
