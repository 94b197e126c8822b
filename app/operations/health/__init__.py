"""Operations: is it alive, is it ready; what operators look at and do."""
