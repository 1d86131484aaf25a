//! The configuration file: its types, their validation, and mistakes with their place.
