"""The Milvus back end, for collections that are too large for one machine."""
