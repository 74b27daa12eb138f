//! Pure decisions of the operator an observed world in, a plan out.
