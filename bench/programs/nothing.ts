// What a process costs that does nothing: the floor.
