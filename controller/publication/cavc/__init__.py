"""What the systems of the 自動運転支援道 (CAVC) take: a field table and a pure encoder a document."""
