"""What people read: tables of networks and of results."""
