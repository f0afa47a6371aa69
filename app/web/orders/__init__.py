"""Orders as people see them: the list, the timeline, the exports, and what approvers' and desk pages share."""
