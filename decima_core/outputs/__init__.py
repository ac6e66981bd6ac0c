"""Results on disk: tables (TSV, BED), attributions (HDF5) and the manifest, all taken over when a run is complete."""
