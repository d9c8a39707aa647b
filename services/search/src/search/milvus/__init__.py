"""The Milvus back end, where one machine is not enough."""
