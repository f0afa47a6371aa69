"""The approver's pages: what waits for a yes or a no, and the decision. A GET never decides."""
