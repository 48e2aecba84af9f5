"""Break-glass access: asked for, approved by a second person, short, reviewed, and told to the subject."""
