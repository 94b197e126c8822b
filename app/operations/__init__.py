"""Operations: is it alive, is it ready."""
