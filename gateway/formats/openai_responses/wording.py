"""What the format is called, and its words that several of its modules need."""

NAME = "openai_responses"
# Signer of a thought that nobody signed. It tells one that came from elsewhere from OpenAI's own,
# which come back by id alone where they are stored.
NOBODY = "nobody"
