"""The console's widgets; they draw and measure, and decide nothing."""
