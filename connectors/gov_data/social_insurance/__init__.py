"""Social insurance (社会保险): JSON whose body is encrypted with SM4-GCM."""
