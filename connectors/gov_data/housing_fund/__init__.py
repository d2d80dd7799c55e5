"""Housing provident fund (住房公积金): REST with JSON, every request and answer signed by HMAC-SHA256."""
