// What a process costs that does nothing: the floor of the cold storm.
