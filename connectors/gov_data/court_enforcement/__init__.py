"""Court enforcement (法院执行信息): one signed, fixed-width GB18030 file a day."""
