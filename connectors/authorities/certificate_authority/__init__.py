"""Certificate authority sandbox, standing for a licensed electronic certification service (电子认证服务机构)."""
