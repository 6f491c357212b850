"""What every route shares: the services, who calls, one transaction per request, errors as answers."""
