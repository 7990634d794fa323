//! The partials of all shards become whole series.
