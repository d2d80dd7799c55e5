"""Credit bureau (征信): asynchronous; a request gets a ticket, the report is fetched when it is ready."""
