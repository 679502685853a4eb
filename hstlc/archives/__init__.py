"""Archives of space missions: what is common to all of them. Each archive's own knowledge is with its mission."""
