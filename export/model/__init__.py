"""The torch network: `frontend` → `stem` → `ast` (blocks with `fta` attention) → `adapters` and head."""
