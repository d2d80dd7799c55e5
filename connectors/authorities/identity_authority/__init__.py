"""Identity authority sandbox, standing for the national network identity service (国家网络身份认证公共服务)."""
